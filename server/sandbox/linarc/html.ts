/** HTML that is ready to be sent. Only `html` makes it, so that text never becomes markup by mistake. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = Markup | string | number | null | false | readonly Content[];

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function rendered(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(rendered).join('');
  if (content === null || content === false) return '';
  return String(content).replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);
}

/** Makes markup from a template; whatever is put in is escaped unless it is markup itself. Null and false print nothing. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(parts.map((part, index) => part + rendered(contents[index] ?? null)).join(''));
}
