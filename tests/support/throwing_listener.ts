// One listener for each method of a service that throws and each way to throw: its first caller gets an echo, all
// others get a service that throws.

import { Listener, type Service } from "../../mod.ts";
import { echo } from "./echo.ts";

for (const method of ["onConnect", "onReadReady", "onError", "onClose"] as const) {
  for (const way of ["sync", "async"] as const) {
    const throws: Service = {
      ...echo,
      ...(method === "onError" ? { onReadReady: () => Promise.reject(new Error("any")) } : {}),
      [method]() {
        const error = new Error(`thrown by ${way} ${method}`);
        if (way === "sync") throw error;
        return Promise.reject(error);
      },
    };
    const listener = new Listener(0, { interface: "127.0.0.1" });
    let callers = 0;
    listener.attach(() => callers++ === 0 ? echo : throws);
    await listener.start();
    console.log(`${way} ${method} on ${listener.port}`);
  }
}
