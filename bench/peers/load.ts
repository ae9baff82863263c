import { Agent, get } from 'node:http';

const CONNECTIONS = 20;

/** Asks for a page over and over on kept connections. */
export class Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #headers: Readonly<Record<string, string>>;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    this.#headers = headers;
  }

  /** One answer's size in bytes. Throws on any other status than 200. */
  once(url: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = get(url, { agent: this.#agent, headers: this.#headers }, (answer) => {
        let size = 0;
        answer.on('data', (part: Buffer) => {
          size += part.length;
        });
        answer.on('end', () => (answer.statusCode === 200 ? resolve(size) : reject(new Error(`${url} answered ${answer.statusCode}`))));
      });
      // A server may close a kept connection in the very moment it is used again.
      asked.on('error', (error: NodeJS.ErrnoException) => (asked.reusedSocket && error.code === 'ECONNRESET' ? resolve(this.once(url)) : reject(error)));
    });
  }

  /** Answers a second with 20 requests under way at any time. */
  async rate(url: string, seconds: number): Promise<number> {
    const started = performance.now();
    const over = started + seconds * 1_000;
    let answers = 0;
    const lane = async () => {
      while (performance.now() < over) {
        await this.once(url);
        answers += 1;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    return answers / ((performance.now() - started) / 1_000);
  }

  /** The median of so many answers' times, one after the other, in milliseconds. */
  async median(url: string, samples: number): Promise<number> {
    const times: number[] = [];
    for (let n = 0; n < samples; n += 1) {
      const started = performance.now();
      await this.once(url);
      times.push(performance.now() - started);
    }
    return times.sort((a, b) => a - b)[Math.floor(samples / 2)] ?? 0;
  }

  close(): void {
    this.#agent.destroy();
  }
}
