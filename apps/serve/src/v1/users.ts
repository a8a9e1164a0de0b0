import { CorellaError } from "@corella/errors";
import type { Attributes, HistoryEvent } from "@corella/modality";
import { z } from "zod";
import type { Deployment } from "../deployment/deployment.ts";
import type { Deployments } from "../deployment/deployments.ts";
import { perDeployment } from "../deployment/per-deployment.ts";
import { createTextIndex } from "../deployment/text-index.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { attributes, time } from "./fields.ts";
import { titleOf } from "./items.ts";
import { parseSearch, searchQuerySchema } from "./search-query.ts";

/** What a search of users finds. */
export interface UsersAnswer {
  readonly users: readonly {
    readonly user: string;
    /** Of the bundle's log, those that lie before the kept ones included. */
    readonly events: number;
  }[];
}

/** What a search of users finds. */
export const usersAnswerSchema: z.ZodType<UsersAnswer> = z.strictObject({
  users: z.array(z.strictObject({ user: z.string(), events: z.int().nonnegative() })),
});

/** What is known of a user. */
export interface UserAnswer {
  readonly user: string;
  readonly attributes?: Attributes | undefined;
  /** The latest events, oldest first: what a sample without a history is completed by. */
  readonly history: readonly {
    readonly item: string;
    readonly title?: string | undefined;
    readonly rating: number;
    readonly time?: number | undefined;
  }[];
  /** How many events lie before those. */
  readonly earlier: number;
}

/** What is known of a user. */
export const userAnswerSchema: z.ZodType<UserAnswer> = z.strictObject({
  user: z.string(),
  attributes: attributes.optional(),
  history: z.array(
    z.strictObject({
      item: z.string(),
      title: z.string().optional(),
      rating: z.number(),
      time: time.optional(),
    }),
  ),
  earlier: z.int().nonnegative(),
});

/** Users of the bundle by a part of their id, and the latest events of one. */
export function usersEndpoints(deployments: Deployments): Endpoint[] {
  const searchOf = perDeployment(userSearch);
  return [
    {
      method: "GET",
      path: "/v1/users",
      scope: "explain",
      purpose: "users of the bundle by a part of their id: ?query=…&limit=…",
      query: searchQuerySchema,
      response: usersAnswerSchema,
      handle(c) {
        const { query, limit } = parseSearch(c);
        const deployment = deployments.of(undefined);
        const { histories } = deployment;
        const answer: UsersAnswer = {
          users: searchOf(deployment)(query, limit).map((user) => ({
            user,
            events: histories.earlierOf(user) + histories.of(user).length,
          })),
        };
        return c.json(answer);
      },
    },
    {
      method: "GET",
      path: "/v1/users/:user",
      scope: "explain",
      purpose: "what is known of a user: the latest events, with titles",
      response: userAnswerSchema,
      problems: ["serve/not-found", "serve/store-down"],
      async handle(c) {
        const user = c.req.param("user") ?? "";
        return c.json(await knownOf(deployments.of(user), user));
      },
    },
  ];
}

function userSearch({ histories }: Deployment): (query: string, limit: number) => string[] {
  let found: { ids: string[]; search: (query: string, limit: number) => number[] } | undefined;
  return (query, limit) => {
    if (query.trim() === "") return histories.some(limit);
    if (found === undefined) {
      const ids = histories.some(histories.users);
      found = { ids, search: createTextIndex(ids.map((id) => ({ id }))).search };
    }
    const { ids, search } = found;
    return search(query, limit).map((row) => ids[row]!);
  };
}

/** @throws CorellaError `serve/not-found` of a user of whom nothing is known */
async function knownOf({ histories, events, catalogue }: Deployment, user: string): Promise<UserAnswer> {
  const { events: history, earlier } =
    events === undefined
      ? { events: histories.of(user), earlier: histories.earlierOf(user) }
      : await events.state.history(user, events.historyLength);
  if (history.length === 0 && !histories.has(user)) {
    throw new CorellaError({
      code: "serve/not-found",
      message: "Nothing is known of this user.",
      place: user.slice(0, 200),
      remedy: "GET /v1/users?query=… finds users of the bundle.",
    });
  }
  return {
    user,
    attributes: histories.attributesOf(user),
    history: history.map(({ item, rating, time: at }: HistoryEvent) => ({
      item,
      title: titleOf(catalogue, item),
      rating,
      time: at,
    })),
    earlier,
  };
}
