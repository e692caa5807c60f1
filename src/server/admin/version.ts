/** The Redis version whose behaviour is offered; clients decide by it what they may use. */
export const VERSION = '7.2.6';
