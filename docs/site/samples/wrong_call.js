import { conv2d, openDevice } from "tessera-gpu";

const gpu = await openDevice();
const images = gpu.randn([16, 1, 28, 28]);
const weight = gpu.randn([8, 1, 3, 3]);

// The option is called stride. Correct it, and run again.
console.log(conv2d(images, weight, { strides: 2 }));
