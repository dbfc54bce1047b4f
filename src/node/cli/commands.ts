import type { CommandDeclaration } from "./command.js";
import { completeCommand } from "./commands/complete.js";
import { decodeCommand } from "./commands/decode.js";
import { doctorCommand } from "./commands/doctor.js";
import { encodeCommand } from "./commands/encode.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { exportCommand } from "./commands/export.js";
import { reconstructCommand } from "./commands/reconstruct.js";
import { sampleCommand } from "./commands/sample.js";
import { summaryCommand } from "./commands/summary.js";
import { trainCommand } from "./commands/train.js";
import { trainPriorCommand } from "./commands/train_prior.js";

/** The commands of `tessera`, in the order of its help. */
export const commands: readonly CommandDeclaration[] = [
	trainCommand,
	trainPriorCommand,
	sampleCommand,
	completeCommand,
	reconstructCommand,
	encodeCommand,
	decodeCommand,
	evaluateCommand,
	exportCommand,
	summaryCommand,
	doctorCommand,
];
