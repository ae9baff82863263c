// What every npm script runs first, on a machine that may hold nothing but Node and this folder, so it uses no package.
//
//   node server/prepare.mjs build                        installs and builds what is missing or out of date
//   node server/prepare.mjs test                         installs what the tests need, Debian's Chromium too where it may
//   node server/prepare.mjs run dist/server/main.js …    builds, then becomes that program in this very process
//
// npm's own `prestart` would not do: .npmrc turns install scripts off, and npm then leaves out pre-scripts as well.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What runs. Tests run from their sources, so a test that does not compile keeps nobody from starting the app. */
const SOURCES = ['server', 'models', 'bench', 'test/support'];
const PROJECT = '.ci/tsconfig.build.json';
const BUILT = 'dist/.built';
const LOCK = '.ci/out/prepare.lock';

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  stop(`Node ${process.versions.node} does not do. Install Node 20.19 or newer (or 22.12 or newer), then run the same command again.`);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}

const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Folders count too: theirs changes when a file is added or taken away. */
function newestUnder(folder) {
  let newest = changedAt(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestUnder(path) : changedAt(path));
  }
  return newest;
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: ['ignore', 2, 2] });
  } catch (error) {
    stop(error.code === 'ENOENT' ? `"${command}" was not found; install it and try again.` : `"${command} ${args.join(' ')}" failed; its output above says why.`);
  }
}

const needsPackages = () => changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json');

function installPackages() {
  if (!needsPackages()) return;
  console.error('Installing packages (about half a minute)');
  // Not `npm ci`: that refuses a lock file without the packages for other platforms, which not every registry offers.
  run('npm', ['install', '--include=dev', '--no-save']);
  const now = new Date();
  utimesSync('node_modules/.package-lock.json', now, now);
}

function needsBuild() {
  const built = changedAt(BUILT);
  const sources = SOURCES.filter((folder) => existsSync(folder)).map(newestUnder);
  return built <= Math.max(changedAt('tsconfig.json'), changedAt(PROJECT), changedAt('package-lock.json'), ...sources);
}

function build() {
  if (!needsBuild()) return;
  console.error('Building');
  const startedAt = new Date();
  for (const folder of SOURCES) dropOrphans(folder);
  run('node_modules/.bin/tsc', ['--project', PROJECT]);
  writeFileSync(BUILT, '');
  // What was edited while the compiler ran is newer than this, and will be built the next time.
  utimesSync(BUILT, startedAt, startedAt);
}

/** Removes what was compiled from a source that is no longer there; the compiler leaves it. */
function dropOrphans(folder) {
  const compiled = join('dist', folder);
  if (!existsSync(compiled)) return;
  for (const entry of readdirSync(compiled, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const source = entry.isDirectory() ? path : path.replace(/\.js(\.map)?$/, '.ts');
    if (!existsSync(source)) rmSync(join('dist', path), { recursive: true });
    else if (entry.isDirectory()) dropOrphans(path);
  }
}

const browsers = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const needsBrowser = () => !browsers.some((path) => path && existsSync(path));

/** The browser journeys need Chromium. Where this may not install it, they fail and say what to do. */
function installBrowser() {
  if (!needsBrowser() || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  console.error('Installing Chromium for the browser tests');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const { status } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { stdio: ['ignore', 'ignore', 2], env });
  if (status !== 0) console.error('Chromium could not be installed; the browser tests will fail. The other tests run.');
}

/** One preparation at a time, also when several commands start at once in a fresh folder. */
function alone(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  while (!takeLock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const release = () => rmSync(LOCK, { force: true });
  process.once('exit', release);
  work();
  process.off('exit', release);
  release();
}

/** The lock is a link whose text is the holder's process id: made and written in one step. */
function takeLock() {
  try {
    symlinkSync(String(process.pid), LOCK);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isAlive(holder())) rmSync(LOCK, { force: true });
    return false;
  }
}

function holder() {
  try {
    return Number(readlinkSync(LOCK));
  } catch {
    return 0; // it was given back in between
  }
}

function isAlive(pid) {
  try {
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** npm passes a signal on to its shell alone and is gone; the program would go on unseen and keep its ports. */
function stopWithNpm() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 250);
  watch.unref();
}

process.chdir(root);
checkNode();
const [wanted = 'build', program] = process.argv.slice(2);
if (wanted === 'test' && (needsPackages() || needsBrowser())) alone(() => [installPackages(), installBrowser()]);
if (wanted !== 'test' && (needsPackages() || needsBuild())) alone(() => [installPackages(), build()]);
if (wanted === 'run') {
  process.setSourceMapsEnabled(true);
  if (process.env.npm_lifecycle_event) stopWithNpm();
  process.argv.splice(1, 3, resolve(program));
  await import(pathToFileURL(resolve(program)).href);
}
