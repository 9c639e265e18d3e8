/** Which shape, weight and word a light has. The words of a running clock come from the server, which counts the days. */
import { t } from "../words";

export interface ClockShown {
  zh: string;
  en: string;
  light: string;
  state: string;
  provisional: boolean;
}

interface Look {
  tone: "green" | "yellow" | "red" | "supervise" | "paused" | "none";
  sign: string;
  word: string;
}

export function shownLight(clock: ClockShown | null): Look {
  if (!clock || clock.light === "none") return { tone: "none", sign: "○", word: t("design.light.none") };
  if (clock.state === "paused" || clock.light === "paused")
    return { tone: "paused", sign: "‖", word: t("design.light.paused") };
  if (clock.light === "supervise") return { tone: "supervise", sign: "■■", word: t("design.light.supervise") };
  if (clock.light === "red") return { tone: "red", sign: "■", word: t("design.light.red") };
  if (clock.light === "yellow") return { tone: "yellow", sign: "▲", word: t("design.light.yellow") };
  return { tone: "green", sign: "●", word: t("design.light.green") };
}
