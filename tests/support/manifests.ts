// Manifests for Kubernetes, and what its own schemas say of them.

import { validate as ofDeployment } from "npm:kubernetes-models@5.1.0/_schemas/IoK8sApiAppsV1Deployment";
import { validate as ofService } from "npm:kubernetes-models@5.1.0/_schemas/IoK8sApiCoreV1Service";
import { parseAllDocuments } from "npm:yaml@2.9.1";

/** One object of a manifest. */
// deno-lint-ignore no-explicit-any
export type Manifest = any;

/** A schema, made a function. */
interface Validate {
  (manifest: unknown): boolean;
  errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

const SCHEMAS: Readonly<Record<string, Validate>> = {
  "apps/v1 Deployment": ofDeployment as Validate,
  "v1 Service": ofService as Validate,
};

/** Reads all objects of a file. */
export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}

/** Notes which fields of an object are asked for. A schema asks for those that it knows. */
function watched(value: object, path: string, unknown: Map<string, Set<string>>): unknown {
  const left = new Set(Object.keys(value));
  unknown.set(path, left);
  const inner = new Map<PropertyKey, unknown>();
  return new Proxy(value, {
    get(target, key) {
      left.delete(String(key));
      const field = Reflect.get(target, key);
      if (typeof field !== "object" || field === null || typeof key !== "string") return field;
      if (!inner.has(key)) inner.set(key, watched(field, `${path}.${key}`, unknown));
      return inner.get(key);
    },
    ownKeys(target) {
      // A map whose names are the user's own.
      left.clear();
      return Reflect.ownKeys(target);
    },
  });
}

/** What is not as the schema of a manifest has it, and the fields that it does not know. */
export function complaintsAbout(manifest: Manifest): string[] {
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  const validate = SCHEMAS[kind];
  if (validate === undefined) return [`There is no schema here for ${kind}`];
  const unknown = new Map<string, Set<string>>();
  validate(watched(manifest, "", unknown));
  return [
    ...(validate.errors ?? []).map((error) => `${error.instancePath}: ${JSON.stringify(error)}`),
    ...[...unknown].flatMap(([path, names]) =>
      [...names].map((name) => `${path}.${name}: unknown`)
    ),
  ];
}
