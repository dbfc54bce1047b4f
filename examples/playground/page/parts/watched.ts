import { signal } from "@preact/signals";

/** Whether the codebook panel shows latents and codes in a plane. */
export const planeIsShown = signal(true);
