export function buildPrograms(): Promise<void>;
export function bundle(entryPoints: string[], outdir: string): Promise<void>;
