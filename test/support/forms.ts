/** A form as a person finds it on a page, with everything that is filled in already. */
export interface Form {
  readonly method: 'GET' | 'POST';
  /** Absolute. */
  readonly action: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What stands on its buttons. */
  readonly buttons: readonly { readonly label: string; readonly name: string | null; readonly value: string }[];
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#x27': "'", nbsp: ' ', hellip: '…' };

export function unescaped(html: string): string {
  return html.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

/** The words of a piece of HTML, as they are read out. */
export function wordsOf(html: string): string {
  return unescaped(html.replace(/<(script|style)\b[\s\S]*?<\/\1>/g, '').replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ').trim();
}

function attributesOf(tag: string): Record<string, string> {
  const inside = tag.replace(/^<\w+/, '').replace(/\/?>$/, '');
  return Object.fromEntries([...inside.matchAll(/([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g)]
    .map(([, name = '', double, single, bare]) => [name.toLowerCase(), unescaped(double ?? single ?? bare ?? '')]));
}

/** The forms of a page at `url`. */
export function formsOf(html: string, url: string): readonly Form[] {
  return [...html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/g)].map(([, tag = '', inside = '']) => {
    const { method = 'get', action = '' } = attributesOf(tag);
    return {
      method: method.toLowerCase() === 'post' ? 'POST' : 'GET',
      action: new URL(action || url, url).href,
      fields: fieldsOf(inside),
      buttons: [...inside.matchAll(/(<button\b[^>]*>)([\s\S]*?)<\/button>/g)].map(([, button = '', label = '']) => {
        const { name, value = '' } = attributesOf(button);
        return { label: wordsOf(label), name: name ?? null, value };
      }),
    };
  });
}

function fieldsOf(inside: string): [string, string][] {
  const inputs = [...inside.matchAll(/<input\b[^>]*>/g)].map(([tag]) => attributesOf(tag))
    .filter(({ type = 'text', checked }) => !['submit', 'button', 'reset'].includes(type) && (!['checkbox', 'radio'].includes(type) || checked !== undefined))
    .map(({ name = '', value = 'on', type }): [string, string] => [name, type === 'text' && value === 'on' ? '' : value]);
  const selects = [...inside.matchAll(/(<select\b[^>]*>)([\s\S]*?)<\/select>/g)].map(([, tag = '', options = '']): [string, string] => {
    const all = [...options.matchAll(/<option\b[^>]*>/g)].map(([option]) => attributesOf(option));
    const chosen = all.find(({ selected }) => selected !== undefined) ?? all[0];
    return [attributesOf(tag)['name'] ?? '', chosen?.['value'] ?? ''];
  });
  const areas = [...inside.matchAll(/(<textarea\b[^>]*>)([\s\S]*?)<\/textarea>/g)]
    .map(([, tag = '', text = '']): [string, string] => [attributesOf(tag)['name'] ?? '', unescaped(text)]);
  return [...inputs, ...selects, ...areas].filter(([name]) => name !== '');
}

/** The address behind the link with these words. */
export function linkOf(html: string, words: string, url: string): string | null {
  for (const [, tag = '', label = ''] of html.matchAll(/(<a\b[^>]*>)([\s\S]*?)<\/a>/g)) {
    if (wordsOf(label) === words || attributesOf(tag)['aria-label'] === words) return new URL(attributesOf(tag)['href'] ?? '', url).href;
  }
  return null;
}
