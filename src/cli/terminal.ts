import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { AppError } from "../runtime/index.ts";

/** A question to the person at the terminal, whatever standard input is. */
export interface Terminal {
  ask(question: string): Promise<string>;
  /** Shows nothing of what is typed. */
  askSecret(question: string): Promise<string>;
  close(): void;
}

/** undefined when there is nobody to ask. */
export function openTerminal(): Terminal | undefined {
  let descriptor: number;
  try {
    descriptor = openSync("/dev/tty", "r+");
  } catch {
    // No controlling terminal: a script, a service, cron.
    return undefined;
  }
  const input = new ReadStream(descriptor);
  const tell = (text: string): void => void process.stderr.write(text);
  return {
    ask: (question) => readLine(input, tell, { question, isSecret: false }),
    askSecret: (question) => readLine(input, tell, { question, isSecret: true }),
    close: () => {
      input.setRawMode(false);
      input.destroy();
      try {
        closeSync(descriptor);
      } catch {
        // The stream has closed it.
      }
    },
  };
}

interface Question {
  readonly question: string;
  readonly isSecret: boolean;
}

const INTERRUPT = "\u0003";
const END_OF_TEXT = "\u0004";

function readLine(input: ReadStream, tell: (text: string) => void, { question, isSecret }: Question): Promise<string> {
  tell(question);
  input.setRawMode(isSecret);
  return new Promise((resolve, reject) => {
    let line = "";
    const stop = (): void => {
      input.off("data", onData).off("end", onEnd);
      input.pause();
      input.setRawMode(false);
      if (isSecret) tell("\n");
    };
    const onEnd = (): void => {
      stop();
      reject(interrupted());
    };
    const onData = (chunk: Buffer): void => {
      for (const character of chunk.toString("utf8")) {
        if (character === INTERRUPT || (character === END_OF_TEXT && line === "")) return onEnd();
        if (character === "\r" || character === "\n") {
          stop();
          return resolve(line);
        }
        line = character === "\u007f" || character === "\b" ? line.slice(0, -1) : line + character;
      }
      return undefined;
    };
    input.on("data", onData).once("end", onEnd);
    input.resume();
  });
}

function interrupted(): AppError {
  return new AppError({ kind: "conflict", code: "INTERRUPTED", message: "nothing was typed" });
}
