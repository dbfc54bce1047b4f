// bench:train runs this in processes of its own. It prints the milliseconds from the first import to the end of the first
// training step, with the argument "tfjs" those of tfjs on a device opened in the same way.
const start = performance.now();
const { openDevice } = await import("tessera-gpu");
const { openTraining } = await import("./train/problem.js");

const gpu = await openDevice({ announce: false });
const { model, trainer, images } = openTraining(gpu);
if (process.argv[2] === "tfjs") {
	const { openTfjsTraining } = await import("./train/tfjs_training.js");
	const { variants } = await openTfjsTraining(gpu, model);
	const [variant] = variants;
	if (variant === undefined) throw new Error("tfjs has no network");
	await variant.loss();
} else {
	trainer.step(images);
	await gpu.finish();
}
console.log(performance.now() - start);
gpu.dispose();
