import { loadConfig, type Config } from '../config.ts';
import { errorText } from '../errors.ts';
import { killAll, runSystem } from './start/run.ts';
import { watchNpm } from './start/npm-watch.ts';
import { createTerminal } from './start/terminal.ts';

// `npm start`: the whole system in the foreground, until Ctrl-C.
const terminal = createTerminal(process.stdout);

async function main(): Promise<void> {
  const config = loadConfig();
  const stopping = stopSignal(config);
  terminal.line();
  terminal.line(`  ${terminal.bold('framekeep')}`);
  terminal.line();
  await runSystem({ config, environment: process.env, terminal, stopping });
}

/** Aborted by the first signal; the second one ends everything at once. */
function stopSignal(config: Config): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  const stop = (signal: string): void => {
    if (!controller.signal.aborted) {
      firstMs = Date.now();
      return controller.abort(signal);
    }
    // One Ctrl-C comes twice: from the terminal, and handed on by npm.
    if (Date.now() - firstMs < 1_000) return;
    terminal.line('  Killed.');
    void killAll(config).finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  if (process.env['npm_lifecycle_event'] === 'start') {
    watchNpm(() => {
      if (!controller.signal.aborted) stop('SIGHUP');
    });
  }
  return controller.signal;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\n${errorText(error)}\n`);
    process.exit(1);
  },
);
