let loaded: typeof import('node:crypto') | undefined;

/** Most servers never hash or draw secrets: the module costs 3 ms and 1 MB, so it is loaded when first needed. */
export function crypto(): typeof import('node:crypto') {
  loaded ??= process.getBuiltinModule('node:crypto');
  return loaded;
}
