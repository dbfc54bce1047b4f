/** A function that minifies the files of a folder. */
export function kernelMinifier(folder: string): Promise<(source: string) => string>;
