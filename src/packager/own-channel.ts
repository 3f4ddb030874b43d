/** Of uploads that this instance made itself, and signed. No door for others has this name. */
export const OWN_CHANNEL = "own";
