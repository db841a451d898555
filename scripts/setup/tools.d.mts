export type ToolName = 'ffmpeg' | 'ffprobe' | 'temporal' | 'weed' | 'temporal-test-server' | 'chromium';
export interface Wheel {
  name: string;
  version: string;
}
export interface Tool {
  setting: string;
  programs: string[];
  wheel?: Wheel;
  apt?: string[];
}
export const projectDir: string;
export const cacheDir: string;
export const tools: Record<ToolName, Tool>;
export function findTool(name: ToolName, environment: Record<string, string | undefined>): string | undefined;
export function wheelDir(wheel: Wheel): string;
