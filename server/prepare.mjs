// Runs before every npm script, on a machine that may hold nothing but Node and this folder, so it uses no package.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const wanted = process.argv[2] ?? 'build';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old. Install Node 20.19 or newer, then run the same command again.`);
  process.exit(1);
}

const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestUnder(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestUnder(path) : changedAt(path));
  }
  return newest;
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: ['ignore', 2, 2] });
  } catch {
    console.error(`"${command} ${args.join(' ')}" failed; its output above says why.`);
    process.exit(1);
  }
}

function installPackages() {
  if (changedAt('node_modules/.package-lock.json') >= changedAt('package-lock.json')) return;
  console.error('Installing packages (first start, about half a minute)');
  run('npm', ['ci', '--include=dev']);
}

function build() {
  const built = changedAt('dist/.tsbuildinfo');
  const sources = ['server', 'models', 'test', 'bench'].filter((folder) => existsSync(folder));
  if (built > Math.max(changedAt('tsconfig.json'), ...sources.map(newestUnder))) return;
  console.error('Building');
  run('node_modules/.bin/tsc', ['--project', 'tsconfig.json']);
}

/** The browser journeys need Chromium. Where it may, this installs Debian's; elsewhere the tests say what is missing. */
function installBrowser() {
  const places = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  if (places.some((path) => path && existsSync(path))) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  console.error('Installing Chromium for the browser tests');
  spawnSync('apt-get', ['update'], { stdio: 'ignore' });
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], {
    stdio: ['ignore', 'ignore', 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

installPackages();
if (wanted === 'build') build();
if (wanted === 'test') installBrowser();
