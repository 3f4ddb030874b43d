/* Greets, and says which version of the package it was built from. */
#include <stdio.h>

int main(void)
{
    return puts("Hello from mini-buildd, mbd-hello-sample " SAMPLE_VERSION) == EOF;
}
