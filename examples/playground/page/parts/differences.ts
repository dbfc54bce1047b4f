import { defaultSettings, differences, type SettingName, type Settings } from "../../shared/settings.js";
import { descriptions, matters } from "./settings_form.js";

/** The name of a setting for the user. */
export function nameOf(name: SettingName): string {
	return name === "data" ? "Images of your own" : descriptions[name].name;
}

/** A value of a setting for the user. */
export function textOf(settings: Settings, name: SettingName): string {
	return String(settings[name]).replaceAll(",", ", ");
}

/** The settings that differ from those of another run, as a text, such as "Codes K 64, Seed 3". */
export function describeDifferences(settings: Settings, base: Settings = defaultSettings): string {
	const texts = differences(settings, base)
		.filter((name) => name === "data" || matters(name, settings))
		.map((name) => (name === "data" ? nameOf(name) : `${nameOf(name)} ${textOf(settings, name)}`));
	return texts.length === 0 ? "the default settings" : texts.join(", ");
}
