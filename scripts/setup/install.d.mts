export function npmPackagesDiffer(folder: string): boolean;
