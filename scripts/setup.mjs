// Brings a machine that has node, npm and git to the point where framekeep runs; with --test, where its tests run.
// Node built-ins only: npm runs this before anything is installed. Safe to run at any time; quick when all is there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildWhatChanged } from './setup/build.mjs';
import { installAptPackages, installNpmPackages, installWheel, linkPostgresLibraries } from './setup/install.mjs';
import { installGoProgram } from './setup/go.mjs';
import { logHint, SetupProblem, sideBySide, stepsDone } from './setup/progress.mjs';
import { findTool, projectDir, tools } from './setup/tools.mjs';
import { missingGstreamerPackages } from './setup/gstreamer.mjs';

const forTests = process.argv.includes('--test');

async function setup() {
  checkSystem();
  const envFile = join(projectDir, '.env');
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const startMs = Date.now();

  // npm waits for its registry and Go for its compiler most of the time; apt and pip run one after the other.
  await sideBySide(installPackages, installTools, installTestServers);
  await buildWhatChanged();
  if (stepsDone() > 0) console.log(`  Everything is installed (${((Date.now() - startMs) / 1000).toFixed(0)} s).`);
}

async function installPackages() {
  await installNpmPackages();
  linkPostgresLibraries();
}

async function installTools() {
  for (const name of ['ffmpeg', 'ffprobe', 'temporal', 'weed']) await installTool(name);
  if (!forTests) return;
  for (const name of ['temporal-test-server', 'chromium']) await installTool(name);
  const packages = missingGstreamerPackages();
  if (packages.length > 0) await installAptPackages('gst-rtsp-server for Python', packages);
}

async function installTestServers() {
  if (forTests && find('minio') === undefined) await installGoProgram(tools.minio.go);
}

async function installTool(name) {
  if (find(name) !== undefined) return;
  const { wheel, apt } = tools[name];
  await (wheel === undefined ? installAptPackages(name, apt) : installWheel(name, wheel));
  if (find(name) === undefined) {
    throw new SetupProblem(`${name} was installed but is not found: set ${tools[name].setting} to its path.`);
  }
}

function find(name) {
  try {
    return findTool(name, process.env);
  } catch (error) {
    throw new SetupProblem(error.message);
  }
}

function checkSystem() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupProblem(
      `Node ${process.versions.node} is too old: framekeep needs 20.19 or newer (https://nodejs.org).`,
    );
  }
  if (process.platform !== 'linux') {
    throw new SetupProblem(
      `framekeep runs on Linux, and this is ${process.platform}: use \`docker compose up\` instead.`,
    );
  }
}

try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  console.error(`\nframekeep cannot ${forTests ? 'be tested' : 'start'} yet: ${error.message}\n${logHint()}`.trimEnd());
  process.exitCode = 1;
}
