import { errorText } from '../../errors.ts';
import { benchChaos } from './chaos.ts';
import { benchEncode } from './encode.ts';
import { say } from './figure.ts';
import { benchMoves } from './moves.ts';
import { benchOutages } from './outages.ts';
import { workInOwnFolder } from './own-folder.ts';
import { benchRecord } from './record.ts';
import { benchRecovery } from './recovery.ts';
import { benchRetention } from './retention.ts';

/** Each takes the words after its name. */
const benches: Record<string, (args: string[]) => Promise<void>> = {
  chaos: benchChaos,
  encode: benchEncode,
  moves: benchMoves,
  outages: benchOutages,
  record: benchRecord,
  recovery: benchRecovery,
  retention: benchRetention,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  say(`Usage: npm run bench -- <name>   (${Object.keys(benches).join(', ')})`);
  process.exit(1);
}
workInOwnFolder();
bench(args).then(
  () => process.exit(0),
  (error: unknown) => {
    say(errorText(error));
    process.exit(1);
  },
);
