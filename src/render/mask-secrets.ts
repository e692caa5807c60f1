import { findDirective } from '../conf/directives.ts';
import { SECRET_MASK } from '../topology/secrets.ts';

/** Conf text for display: the value of every secret directive replaced, all else as it is. */
export function maskSecrets(confText: string): string {
  return confText.replace(
    /^([ \t]*)([^\s#"']+)([ \t]+)\S.*$/gm,
    (line, indent: string, name: string, gap: string) =>
      findDirective(name)?.secret === true ? `${indent}${name}${gap}"${SECRET_MASK}"` : line,
  );
}
