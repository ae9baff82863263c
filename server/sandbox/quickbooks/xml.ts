/** XML as the service writes it to clients that do not ask for JSON (quickbooks.md §2.4, §6.1). */

const SCHEMA = 'http://schema.intuit.com/finance/v3';
/** Fields that XML shows as attributes. */
const ATTRIBUTES: readonly string[] =
  ['domain', 'sparse', 'status', 'type', 'code', 'element', 'bId', 'startPosition', 'maxResults', 'totalCount'];

export function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** The body of an answer as XML: the same content as the JSON one. */
export function toXml(body: Record<string, unknown>): string {
  const { time, ...content } = body;
  const stamp = typeof time === 'string' ? ` time="${escapeXml(time)}"` : '';
  const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
  return `${declaration}<IntuitResponse${stamp} xmlns="${SCHEMA}">${elements(content)}</IntuitResponse>`;
}

/** The throttle answer exactly as recorded (A6.1). */
export function throttleXml(time: string, status: number): string {
  return `<IntuitResponse time="${time}" xmlns="${SCHEMA}"><Fault type="SERVICE"><Error code="3001">`
    + `<Message>message=ThrottleExceeded; errorCode=003001; statusCode=${status}</Message>`
    + '<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>';
}

function elements(fields: Record<string, unknown>): string {
  return Object.entries(fields).map(([name, value]) => (ATTRIBUTES.includes(name) ? '' : element(name, value))).join('');
}

function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map((each) => element(name, each)).join('');
  if (typeof value !== 'object') return `<${name}>${escapeXml(String(value))}</${name}>`;
  const fields = value as Record<string, unknown>;
  if (name.endsWith('Ref') && 'value' in fields) return `<${name}>${escapeXml(String(fields['value']))}</${name}>`;
  const attributes = ATTRIBUTES.filter((key) => fields[key] !== undefined).map((key) =>
    ` ${key}="${escapeXml(String(fields[key]))}"`);
  return `<${name}${attributes.join('')}>${elements(fields)}</${name}>`;
}
