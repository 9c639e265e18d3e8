/** What the parts say that every page composes: lights, bases, tables, dialogs. */
export const design = {
  "design.light.none": ["未设时限", "No limit"],
  "design.light.paused": ["已停表", "Paused"],
  "design.light.supervise": ["严重超期", "Far overdue"],
  "design.light.red": ["超期", "Overdue"],
  "design.light.yellow": ["临期", "Due soon"],
  "design.light.green": ["期限内", "In time"],
  "design.basis.statute": ["法定", "Statute"],
  "design.basis.local_rule": ["本级规定", "Local rule"],
  "design.basis.draft": ["草案", "Draft law"],
  "design.basis.product_default": ["产品默认", "Product default"],
} as const;
