/** Depth at which `stringmatchlen_impl` gives up. */
const MAX_STARS = 1000;

/**
 * Redis' glob (`stringmatchlen` in util.c): `*`, `?`, `[a-z]`, `[^a]` and `\` before a literal char.
 *
 * Both are binary strings. Takes at most O(pattern × text) steps, so that no pattern can hang the server; as in Redis,
 * a pattern whose match needs more than 1000 stars matches nothing.
 */
export function matchGlob(pattern: string, text: string, ignoreCase = false): boolean {
  // As in Redis, whose callers know a single star themselves.
  if (text === '') return pattern === '';
  const glob = ignoreCase ? pattern.toLowerCase() : pattern;
  const subject = ignoreCase ? text.toLowerCase() : text;
  let at = 0;
  let p = 0;
  let starAt = -1;
  let stars = 0;
  let textAtStar = 0;
  while (at < subject.length) {
    if (glob[p] === '*') {
      while (glob[p + 1] === '*') p += 1;
      if (p + 1 === glob.length) return true;
      stars += 1;
      if (stars > MAX_STARS) return false;
      starAt = p;
      textAtStar = at;
      p += 1;
      continue;
    }
    const next = p < glob.length ? matchOne(glob, p, subject.charCodeAt(at)) : -1;
    if (next >= 0) {
      p = next;
      at += 1;
    } else if (starAt >= 0) {
      p = starAt + 1;
      textAtStar += 1;
      at = textAtStar;
    } else {
      return false;
    }
  }
  while (glob[p] === '*') p += 1;
  return p === glob.length;
}

/** Where the pattern goes on when its next element matches the char, else -1. */
function matchOne(glob: string, p: number, char: number): number {
  switch (glob[p]) {
    case '?':
      return p + 1;
    case '[':
      return matchClass(glob, p + 1, char);
    case '\\':
      if (p + 1 < glob.length) return glob.charCodeAt(p + 1) === char ? p + 2 : -1;
      return char === 0x5c ? p + 1 : -1;
    default:
      return glob.charCodeAt(p) === char ? p + 1 : -1;
  }
}

function matchClass(glob: string, start: number, char: number): number {
  const isNegated = glob[start] === '^';
  let isMatch = false;
  let p = isNegated ? start + 1 : start;
  for (; p < glob.length && glob[p] !== ']'; p += 1) {
    if (glob[p] === '\\' && p + 1 < glob.length) {
      p += 1;
      isMatch ||= glob.charCodeAt(p) === char;
    } else if (glob[p + 1] === '-' && p + 2 < glob.length) {
      const [low, high] = [glob.charCodeAt(p), glob.charCodeAt(p + 2)];
      isMatch ||= char >= Math.min(low, high) && char <= Math.max(low, high);
      p += 2;
    } else {
      isMatch ||= glob.charCodeAt(p) === char;
    }
  }
  // An unclosed class ends with the pattern.
  return isMatch === isNegated ? -1 : Math.min(p + 1, glob.length);
}
