import { Init } from './init.ts';

/** oclif's explicit command table. */
export const COMMANDS = { init: Init };
