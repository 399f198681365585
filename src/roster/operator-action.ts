// What an operator may do to an upstream while the program runs.

export const OPERATOR_ACTIONS = ['drain', 'undrain', 'enable', 'disable'] as const;
export type OperatorAction = (typeof OPERATOR_ACTIONS)[number];
