/** One value of an item's or user's attribute; a list for multi-valued ones such as genres. */
export type AttributeValue = string | number | readonly string[];
/** The attributes of an item or user, by name. */
export type Attributes = Readonly<Record<string, AttributeValue>>;
