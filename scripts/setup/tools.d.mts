export type ToolName = 'ffmpeg' | 'ffprobe' | 'temporal' | 'weed' | 'temporal-test-server' | 'chromium' | 'minio';
export interface Wheel {
  name: string;
  version: string;
}
export interface Tool {
  setting: string;
  programs: string[];
  wheel?: Wheel;
  apt?: string[];
  go?: Wheel & { module: string };
}
export const projectDir: string;
export const cacheDir: string;
export const tools: Record<ToolName, Tool>;
export function findTool(name: ToolName, environment: Record<string, string | undefined>): string | undefined;
export function packageDir(from: Wheel): string;
