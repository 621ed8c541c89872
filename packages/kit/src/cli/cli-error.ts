/** An error whose message says all that whoever called the command needs; it is shown without a stack. */
export class CliError extends Error {}
