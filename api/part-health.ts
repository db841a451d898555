export type PartName = 'database' | 'objects' | 'temporal';

/** A part as this process sees it. */
interface PartState {
  name: PartName;
  ok: boolean;
  /** When this process first saw the part so. */
  sinceMs: number;
}

export interface PartHealth {
  look(): Promise<PartState[]>;
}

/** A look is shared for 2 s: probes, the console and Prometheus ask at the same time. */
const freshMs = 2_000;
/** A part that takes longer than this to answer is away for those who wait for it. */
const patienceMs = 4_000;

/** Watches the parts the API rests on; a check says true when its part answers. */
export function createPartHealth(checks: Record<PartName, () => Promise<boolean>>, now: () => number): PartHealth {
  const states = new Map<PartName, PartState>();
  let last: { atMs: number; result: Promise<PartState[]> } | null = null;

  const lookAt = async (name: PartName): Promise<PartState> => {
    const ok = await inTime(checks[name]);
    const before = states.get(name);
    const state = before?.ok === ok ? before : { name, ok, sinceMs: now() };
    states.set(name, state);
    return state;
  };

  return {
    look() {
      if (last === null || now() - last.atMs > freshMs) {
        last = { atMs: now(), result: Promise.all([lookAt('database'), lookAt('objects'), lookAt('temporal')]) };
      }
      return last.result;
    },
  };
}

async function inTime(check: () => Promise<boolean>): Promise<boolean> {
  const patience = new AbortController();
  const late = new Promise<false>((resolve) => {
    const timer = setTimeout(resolve, patienceMs, false);
    patience.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
  // A part that fails is away; why is logged where the part is used.
  const asked = check().catch(() => false);
  try {
    return await Promise.race([asked, late]);
  } finally {
    patience.abort();
  }
}
