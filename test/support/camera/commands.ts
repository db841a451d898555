import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { LoopOptions } from './loop-arguments.ts';
import type { Fault, SimulatedCamera } from './start-camera.ts';

/** What another process may ask of a camera, by the names of SimulatedCamera. `camera` is its place in the list. */
const command = z.intersection(
  z.object({ camera: z.int().min(0) }),
  z.discriminatedUnion('call', [
    z.object({ call: z.enum(['connections', 'accepted', 'framesSent', 'stall', 'resume', 'refuse', 'listen']) }),
    z.object({ call: z.literal('dropAll'), by: z.enum(['eof', 'rst']) }),
    z.object({ call: z.literal('jumpClock'), ms: z.number() }),
    z.object({
      call: z.literal('setFault'),
      fault: z.custom<Fault>((value) => typeof value === 'object').nullable(),
      path: z.string().optional(),
    }),
    z.object({
      call: z.literal('changeStream'),
      options: z.custom<Partial<LoopOptions>>((value) => typeof value === 'object'),
    }),
  ]),
);

/**
 * Obeys one JSON command a line on stdin, as `{"camera":0,"call":"dropAll","by":"rst"}`, and answers each in order
 * with `{"result":...}` or `{"error":"..."}`. The end of stdin, also by the parent's sudden death, ends it.
 */
export async function answerCommands(cameras: SimulatedCamera[]): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: object;
    try {
      answer = { result: (await obey(cameras, line)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

async function obey(cameras: SimulatedCamera[], line: string): Promise<unknown> {
  const given = command.parse(JSON.parse(line));
  const camera = cameras[given.camera];
  if (camera === undefined) throw new Error(`there is no camera ${given.camera}`);
  switch (given.call) {
    case 'dropAll':
      return camera.dropAll(given.by);
    case 'jumpClock':
      return camera.jumpClock(given.ms);
    case 'setFault':
      return camera.setFault(given.fault, given.path);
    case 'changeStream':
      return camera.changeStream(given.options);
    default:
      return camera[given.call]();
  }
}
