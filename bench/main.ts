// npm run bench [-- NAME …] [--OPTION VALUE …]: runs bench/NAME.ts, or every benchmark, one after the other. Each prints its ratios on
// its last line.
import { readdirSync } from 'node:fs';

interface Benchmark {
  run(options: Readonly<Record<string, string>>): Promise<void>;
}

const isBenchmark = (file: string) => /^(?!main\.)[\w-]+\.[jt]s$/.test(file);
const all = readdirSync(import.meta.dirname).filter(isBenchmark).map((file) => file.replace(/\.[jt]s$/, '')).sort();
const { names: asked, options } = readArguments(process.argv.slice(2));
const unknown = asked.filter((name) => !all.includes(name));

if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}. There are: ${all.join(', ') || 'none yet'}.\n`);
  process.exitCode = 1;
} else {
  for (const name of asked.length > 0 ? asked : all) {
    process.stdout.write(`== ${name}\n`);
    const benchmark = (await import(`./${name}.ts`)) as Benchmark;
    await benchmark.run(options);
  }
}

/** Names, and pairs of option and value such as `--n 10000`. */
function readArguments(args: readonly string[]): { names: string[]; options: Record<string, string> } {
  const names: string[] = [];
  const options: Record<string, string> = {};
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg.startsWith('--')) options[arg.slice(2)] = args[(at += 1)] ?? '';
    else names.push(arg);
  }
  return { names, options };
}
