import { BSONRegExp } from 'bson';
import { MongoFault } from './faults.ts';

/**
 * In: a PCRE pattern and its flags (i, m, s, x, u). Out: the same as a JavaScript expression. Throws BadValue where it has none.
 */
export function compileRegex(pattern: string, flags: string): RegExp {
  for (const flag of flags) {
    if (!'imsxu'.includes(flag)) throw new MongoFault('BadValue', ` invalid flag in regex options: ${flag}`);
  }
  const inline = /^\(\?([imsx]+)\)/.exec(pattern);
  const all = new Set([...flags, ...(inline?.[1] ?? '')]);
  let source = inline ? pattern.slice(inline[0].length) : pattern;
  if (all.delete('x')) source = withoutComments(source);
  if (!/\\[pP]\{/.test(source)) all.delete('u');
  try {
    return new RegExp(source, [...all].join(''));
  } catch (error) {
    throw new MongoFault('BadValue', `Regular expression is invalid: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function withoutComments(source: string): string {
  return source.replaceAll(/\\.|\[(?:\\.|[^\]])*\]|#.*|\s+/g, (part) => (/^[#\s]/.test(part) ? '' : part));
}

/** A regular expression value as JavaScript's own. */
export function asRegExp(value: BSONRegExp | RegExp): RegExp {
  return value instanceof BSONRegExp ? compileRegex(value.pattern, value.options) : value;
}

/** The text every match of an anchored, case-sensitive expression begins with; undefined when there is none. */
export function literalPrefix(expression: RegExp): { prefix: string; whole: boolean } | undefined {
  if (expression.flags.replace('s', '') !== '' || !expression.source.startsWith('^') || expression.source.includes('|')) {
    return undefined;
  }
  let prefix = '';
  const source = expression.source;
  let at = 1;
  for (; at < source.length; at++) {
    const char = source[at] ?? '';
    if (char === '\\' && /[^a-zA-Z0-9]/.test(source[at + 1] ?? 'a')) prefix += source[++at] ?? '';
    else if (/[\\.[\](){}*+?^$|]/.test(char)) break;
    else prefix += char;
  }
  const rest = source.slice(at);
  if (/^[*?{]/.test(rest)) prefix = prefix.slice(0, -1);
  return prefix === '' ? undefined : { prefix, whole: rest === '' };
}
