import type { BuildOptions } from 'esbuild';

export function buildPrograms(): Promise<void>;
export function bundle(entryPoints: string[], outdir: string, options?: BuildOptions): Promise<void>;
