/**
 * A headless Chromium, driven over its DevTools protocol: as much as tests of a page need.
 *
 * @module
 */

/** Where Chromium is looked for, after `TRANSFUNCTIONER_CHROMIUM`. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The path of a Chromium, or null where there is none. */
export async function findChromium(): Promise<string | null> {
  const named = Deno.env.get("TRANSFUNCTIONER_CHROMIUM");
  for (const path of named === undefined ? PLACES : [named]) if (await runs(path)) return path;
  return null;
}

/** Whether there is a browser; some systems have a script there that only says how to get one. */
async function runs(path: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(path, { args: ["--version"], stdin: "null" })
      .output();
    return success;
  } catch {
    return false;
  }
}

type Message = Readonly<Record<string, unknown>>;

/** A running browser. */
export class Chromium {
  readonly #child: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #pages = new Map<string, (method: string, params: Message) => void>();
  #id = 0;

  private constructor(child: Deno.ChildProcess, socket: WebSocket, profile: string) {
    this.#child = child;
    this.#socket = socket;
    this.#profile = profile;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)));
  }

  /** Starts the browser at `path` with an empty profile; it connects to nothing by itself. */
  static async launch(path: string): Promise<Chromium> {
    const profile = await Deno.makeTempDir({ prefix: "transfunctioner-chromium-" });
    const child = new Deno.Command(path, {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    try {
      const address = await debuggerAddress(child.stderr);
      const socket = new WebSocket(address);
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error("Chromium's debugger does not take connections"));
      });
      return new Chromium(child, socket, profile);
    } catch (error) {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(profile, { recursive: true });
      throw error;
    }
  }

  /** Opens a page of `width` × `height` CSS pixels. */
  async page(width: number, height: number): Promise<Page> {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    this.#pages.set(String(sessionId), (method, params) => page.hear(method, params));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.call(`${domain}.enable`);
    await page.resize(width, height);
    return page;
  }

  /** Calls a method of the protocol. */
  call(method: string, params: Message = {}, sessionId?: string): Promise<Message> {
    const id = ++this.#id;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#waiting.set(id, ({ result, error }) => {
      if (error === undefined) resolve(result as Message);
      else reject(new Error(`${method}: ${JSON.stringify(error)}`));
    });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return promise;
  }

  #hear(message: Message): void {
    const { id, method, params, sessionId } = message;
    if (typeof id === "number") {
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
    } else this.#pages.get(String(sessionId))?.(String(method), params as Message);
  }

  /** Ends the browser and removes its profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#socket.readyState === WebSocket.CLOSED
      ? null
      : new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    this.#child.kill("SIGKILL");
    await Promise.all([closed, this.#child.status]);
    // Its helpers write a little longer.
    for (let left = 600;; left--) {
      try {
        return await Deno.remove(this.#profile, { recursive: true });
      } catch (error) {
        if (left === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** One page. */
export class Page {
  readonly #browser: Chromium;
  readonly #session: string;
  #loaded = () => {};
  /** Exceptions, console errors and refusals by the page's policy, as texts. */
  readonly problems: string[] = [];
  /** Addresses that the page asked for. */
  readonly requests: string[] = [];

  /** Made by {@link Chromium.page}. */
  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  /** Calls a method of the protocol for this page. */
  call(method: string, params: Message = {}): Promise<Message> {
    return this.#browser.call(method, params, this.#session);
  }

  /** For the browser: an event. */
  hear(method: string, params: Message): void {
    if (method === "Page.loadEventFired") this.#loaded();
    else if (method === "Network.requestWillBeSent") {
      this.requests.push((params["request"] as { url: string }).url);
    } else if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") {
      this.problems.push(JSON.stringify(params));
    } else if (method === "Runtime.consoleAPICalled" && params["type"] === "error") {
      this.problems.push(JSON.stringify(params["args"]));
    }
  }

  /** Sets the size of the view. */
  async resize(width: number, height: number): Promise<void> {
    await this.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
  }

  /** Prefers dark or light colours; nothing moves, so that pictures can be compared. */
  async prefer(scheme: "dark" | "light"): Promise<void> {
    await this.call("Emulation.setEmulatedMedia", {
      features: [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ],
    });
  }

  /** Goes to an address and waits until it is loaded. */
  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#loaded = resolve);
    const { errorText } = await this.call("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** Evaluates an expression in the page; the value must be JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    }
    return (result as { value: T }).value;
  }

  /** Presses a key. */
  async press(key: string, code: number): Promise<void> {
    for (const type of ["keyDown", "keyUp"]) {
      await this.call("Input.dispatchKeyEvent", { type, key, windowsVirtualKeyCode: code });
    }
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string, ms = 180_000): Promise<void> {
    const deadline = performance.now() + ms;
    let last: unknown;
    while (performance.now() < deadline) {
      try {
        if (await this.evaluate<boolean>(`Boolean(${expression})`)) return;
      } catch (error) {
        // What it is about may not be there yet.
        last = error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const text = await this.evaluate<string>("document.body.innerText");
    throw new Error(
      `Gave up waiting until ${expression} (last error: ${last})\n${text}\n${
        this.problems.join("\n")
      }`,
    );
  }

  /** Waits until a text of the page, which follows its node a little later, is as it should be. */
  async shows(text: string, pattern: RegExp, ms?: number): Promise<void> {
    await this.until(`${pattern}.test(${text})`, ms);
  }

  /** A picture of the page from its top; of all of it, or of the first `height` pixels. */
  async picture(height?: number): Promise<Uint8Array<ArrayBuffer>> {
    const [width, whole] = await this.evaluate<number[]>(
      "[innerWidth, document.documentElement.scrollHeight]",
    );
    const { data } = await this.call("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height: Math.min(whole!, height ?? whole!), scale: 1 },
    });
    return Uint8Array.fromBase64(String(data));
  }
}

async function debuggerAddress(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  void (async () => {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      // Read on to the end: a full pipe would stop the browser.
      if (said.length < 100_000) said += text;
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found !== null) resolve(found[1]!);
    }
    reject(new Error(`Chromium ended:\n${said.slice(-2_000)}`));
  })();
  return await promise;
}
