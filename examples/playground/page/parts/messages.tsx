import { defaultSettings } from "../../shared/settings.js";
import { continued, showError, startRun } from "../actions.js";
import { engine } from "../engine.js";
import { formatCount } from "../formats.js";
import { failure, machine, notice, session, settings } from "../store.js";
import { isSlow } from "./slow_step.js";

/** What went wrong or needs to be known, and what to do. */
export function Messages() {
	const failed = failure.value;
	return (
		<div class="messages" aria-live="polite">
			{machine.value?.software === true && session.value.phase !== "no adapter" && (
				<p class="message">
					This browser offers no GPU to this page, so the network trains on the CPU ({machine.value.adapter}), much more
					slowly. All panels work.
				</p>
			)}
			{continued.value !== undefined && (
				<p class="message">
					The run “{continued.value.name}” goes on from step {formatCount(continued.value.step)}, where this browser
					stored it.{" "}
					<button type="button" class="quiet" onClick={() => startRun(settings.value)}>
						Begin a new run
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
			{isSlow.value && (
				<p class="message">
					The worker has sent nothing for 20 seconds: these settings may be too large for this machine. Wait, or choose
					fewer channels, fewer codes, a smaller batch or smaller images. Only a reload stops a step that has begun.{" "}
					<button type="button" class="quiet" onClick={() => location.assign(location.pathname)}>
						Reload with the default settings
					</button>
				</p>
			)}
			{session.value.phase === "failed" && (
				<p class="message bad" role="alert">
					The GPU could not be opened again, or the run does not fit on it.{" "}
					<button type="button" class="quiet" onClick={() => engine.session.reopen().catch(showError)}>
						Try again
					</button>{" "}
					<button type="button" class="quiet" onClick={() => startRun(defaultSettings)}>
						Begin a run with the default settings
					</button>{" "}
					<button type="button" class="quiet" onClick={() => location.reload()}>
						Reload the page
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
