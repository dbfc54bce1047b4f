import { continued, startRun } from "../actions.js";
import { failure, machine, notice, session, settings } from "../store.js";

/** What went wrong or needs to be known, and what to do. */
export function Messages() {
	const failed = failure.value;
	return (
		<div class="messages" aria-live="polite">
			{machine.value?.software === true && session.value.phase !== "no adapter" && (
				<p class="message">
					This browser offers no GPU to this page, so the network trains on the CPU ({machine.value.adapter}), much more
					slowly. Everything works all the same.
				</p>
			)}
			{continued.value !== undefined && (
				<p class="message">
					The run “{continued.value.name}” goes on from step {continued.value.step.toLocaleString("en-US")}, where this
					browser stored it.{" "}
					<button type="button" class="quiet" onClick={() => startRun(settings.value)}>
						Start afresh
					</button>{" "}
					<button type="button" class="quiet" onClick={() => (continued.value = undefined)}>
						Close
					</button>
				</p>
			)}
			{notice.value !== undefined && (
				<p class="message">
					{notice.value}{" "}
					<button type="button" class="quiet" onClick={() => (notice.value = undefined)}>
						Close
					</button>
				</p>
			)}
			{failed !== undefined && (
				<p class="message bad" role="alert">
					<strong>{failed.name}</strong>: {failed.message} {failed.advice}{" "}
					<button type="button" class="quiet" onClick={() => (failure.value = undefined)}>
						Close
					</button>
				</p>
			)}
		</div>
	);
}
