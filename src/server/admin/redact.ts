import { findDirective } from '../../conf/directives.ts';
import type { Command } from '../command/command.ts';

const REDACTED = '(redacted)';

/** The arguments of a request as others may see them: without passwords. */
export function redact(command: Command, argv: readonly string[]): readonly string[] {
  switch (command.name) {
    case 'auth':
      return argv.map((arg, index) => (index === 0 ? arg : REDACTED));
    case 'acl|setuser':
      return argv.map((arg, index) => (index < 2 ? arg : REDACTED));
    case 'config|set':
      return argv.map((arg, index) =>
        index >= 3 && index % 2 === 1 && findDirective(argv[index - 1] ?? '')?.secret === true
          ? REDACTED
          : arg,
      );
    case 'hello':
    case 'migrate':
      return redactAfter(argv, command.name === 'hello' ? { AUTH: 2 } : { AUTH: 1, AUTH2: 2 });
    default:
      return argv;
  }
}

/** Hides as many arguments after a keyword as it takes. */
function redactAfter(argv: readonly string[], keywords: Readonly<Record<string, number>>): string[] {
  let hidden = 0;
  return argv.map((arg) => {
    if (hidden > 0) {
      hidden -= 1;
      return REDACTED;
    }
    hidden = Object.hasOwn(keywords, arg.toUpperCase()) ? (keywords[arg.toUpperCase()] ?? 0) : 0;
    return arg;
  });
}
