// The option that every command has.

export const HELP_OPTION = { name: 'help', help: 'print this help and exit' } as const;
