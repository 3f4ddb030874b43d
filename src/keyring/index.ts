/**
 * keyring: OpenPGP, and what our encrypted servers show of themselves. Verifies with gpgv, signs with gpg in a GnuPG
 * home of our own; trust decisions are made by the tools that Debian trusts.
 *
 * Terms: a *keyring path* is a file of public keys (binary, keybox or armored); the *instance key* signs what this
 * instance publishes; a *TLS certificate* is given by the administrator or self-made.
 *
 * Invariants: only a signature that is good without reserve is accepted (no expired or revoked key, no digest
 * weaker than SHA-224); what is returned as verified is exactly what the signature covers; the secret key never
 * leaves HOME/keys; no gpg-agent outlives this process. Every signature of ours is SHA-512.
 */

export { InstanceKey } from "./instance-key.ts";
export { dearmorPublicKeys } from "./keyring-file.ts";
export { type KeyringEntry, listKeyring } from "./list-keyring.ts";
export { TlsCertificate, type TlsCertificateSource } from "./tls-certificate.ts";
export { readUploaderKey, type UploaderKey } from "./uploader-key.ts";
export { type PublicKeys, verifyClearsigned } from "./verify-clearsigned.ts";
