import { findTool, type ToolName } from '../setup/tools.mjs';

/**
 * The path of a tool that scripts/setup.mjs has found or installed.
 * @throws when it is not there
 */
export function toolPath(name: ToolName): string {
  const path = findTool(name, process.env);
  if (path === undefined) throw new Error(`${name} is missing: run \`node scripts/setup.mjs --test\`.`);
  return path;
}
