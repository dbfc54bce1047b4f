/** A page that is made from a Markdown file. */
export interface DocumentPage {
	/** The file's path in the repository. */
	readonly source: string;
	/** The page's file name. */
	readonly file: string;
	/** Its name in the navigation. */
	readonly name: string;
	/** For search engines and previews of links. */
	readonly description: string;
	/** Where the page is linked on every page: in the header, or in the footer alone. */
	readonly in: "header" | "footer";
	/** The deepest headings of its table of contents. */
	readonly contents: 2 | 3;
}

export const documentPages: readonly DocumentPage[] = [
	{
		source: "README.md",
		file: "guide.html",
		name: "Guide",
		description: "Tensors, networks, the VQ-VAE, its quantizers and priors, in programs that run.",
		in: "header",
		contents: 2,
	},
	{
		source: "docs/operations.md",
		file: "operations.html",
		name: "Operations",
		description: "Every operation: what it computes, its kernels, its backward pass and its reference.",
		in: "header",
		contents: 2,
	},
	{
		source: "docs/command-line.md",
		file: "command-line.html",
		name: "Command line",
		description: "The commands of tessera: training, sampling, evaluating and exporting a VQ-VAE.",
		in: "header",
		contents: 2,
	},
	{
		source: "docs/results.md",
		file: "results.html",
		name: "Results",
		description: "What trained models reached: error, perplexity, bits per image, next to PyTorch.",
		in: "header",
		contents: 3,
	},
	{
		source: "bench/README.md",
		file: "benchmarks.html",
		name: "Benchmarks",
		description: "Times of the kernels and of a training step, next to tfjs and jax-js, and how they were measured.",
		in: "header",
		contents: 3,
	},
	{
		source: "docs/decisions.md",
		file: "decisions.html",
		name: "Decisions",
		description: "Why the code is as it is: what was decided, why, and what was tried instead.",
		in: "header",
		contents: 3,
	},
	{
		source: "ARCHITECTURE.md",
		file: "architecture.html",
		name: "Architecture",
		description: "How the code is built, from a call to its kernel.",
		in: "footer",
		contents: 2,
	},
	{
		source: "docs/reliability.md",
		file: "reliability.html",
		name: "When something goes wrong",
		description: "What happens to a run when a file is damaged, a disk is full, or a device is lost.",
		in: "footer",
		contents: 2,
	},
	{
		source: "bench/LOG.md",
		file: "attempts.html",
		name: "What was tried",
		description: "The attempts on the hot kernels and on the models, those that failed too.",
		in: "footer",
		contents: 2,
	},
];
