const filesOf: Readonly<Record<string, string>> = {
  "elementwise, unary":
    "abs acos acosh asin asinh atan atanh ceil clip_by_value cos cosh elu erf exp expm1 floor is_finite is_inf is_nan " +
    "leaky_relu log log1p log_sigmoid logical_not neg reciprocal relu relu6 round rsqrt selu sigmoid sign sin sinh " +
    "softplus sqrt square step tan tanh",
  "elementwise, binary, comparison, logical":
    "add add_n arithmetic binary_ops bitwise_and equal floordiv greater greater_equal less less_equal logical_and " +
    "logical_or logical_xor not_equal sub where",
  reduction:
    "all any arg_max arg_min bincount cumprod cumsum dense_bincount euclidean_norm log_sum_exp max mean min norm prod sum",
  matmul: "einsum fused/fused_mat_mul mat_mul",
  "gather, scatter, sorting":
    "boolean_mask gather gather_nd in_top_k lower_bound one_hot scatter_nd search_sorted sparse_to_dense " +
    "tensor_scatter_update topk unsorted_segment_sum upper_bound",
  "slicing, layout, creation":
    "batch_to_space_nd broadcast_args broadcast_to clone concat depth_to_space diag ensure_shape expand_dims eye fill " +
    "image/flip_left_right linalg/band_part linspace meshgrid mirror_pad ones ones_like pad range reverse reverse_1d reverse_2d reverse_3d " +
    "reverse_4d slice slice1d slice2d slice3d slice4d space_to_batch_nd split squeeze stack strided_slice tile " +
    "transpose unstack zeros zeros_like",
  normalisation: "batchnorm local_response_normalization moments",
  "softmax, losses":
    "log_softmax losses/absolute_difference losses/compute_weighted_loss losses/cosine_distance losses/hinge_loss " +
    "losses/huber_loss losses/log_loss losses/mean_squared_error losses/sigmoid_cross_entropy " +
    "losses/softmax_cross_entropy softmax",
  "convolution (1-D, 2-D), pooling":
    "avg_pool conv1d conv2d conv2d_separable conv2d_transpose depthwise_conv2d fused/fused_conv2d " +
    "fused/fused_depthwise_conv2d identity_pool max_pool max_pool_with_argmax pool",
};

const familyByFile: ReadonlyMap<string, string> = new Map(
  Object.entries(filesOf).flatMap(([family, files]) =>
    files.split(" ").map((file) => [`ops/${file}`, family] as const),
  ),
);

export const families: readonly string[] = [...Object.keys(filesOf), "optimizers", "others"];

/** @param file as in `Result` */
export function familyOf(file: string): string {
  if (file.startsWith("optimizers/")) return "optimizers";
  return familyByFile.get(file) ?? "others";
}
