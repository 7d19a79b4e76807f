/** How long calls wait. In a file of its own, since command lines are read without a connection. */

/** Calls that name no time, in milliseconds. */
export const timeoutMsDefault = 2_000;

/** The longest that a node lets a call wait, in milliseconds. */
export const timeoutMsMax = 30_000;
