"""What functions are called elsewhere: in the array API, in PyTorch (`torch`, `nn`, `nn.functional`), and in ONNX.

Those of an operation stand in its line of the table. Here is what is composed: a line for each, "-" where there is no
such name. {1,2,3}d stands for a name for each number of spatial axes.
"""

from __future__ import annotations

from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import UnknownName

FUNCTIONS = """
adaptive_avg_pool   -                   adaptive_avg_pool{1,2,3}d    -
adaptive_max_pool   -                   adaptive_max_pool{1,2,3}d    -
all                 all                 all                          -
any                 any                 any                          -
argmax              argmax              argmax                       ArgMax
argmin              argmin              argmin                       ArgMin
argsort             argsort             argsort                      -
avg_pool            -                   avg_pool{1,2,3}d             AveragePool
broadcast_arrays    broadcast_arrays    broadcast_tensors            -
conv                -                   conv{1,2,3}d                 Conv
conv_transpose      -                   conv_transpose{1,2,3}d       ConvTranspose
count_nonzero       count_nonzero       count_nonzero                -
cumulative_prod     cumulative_prod     cumprod                      -
diagonal            linalg.diagonal     diagonal                     -
diff                diff                diff                         -
dot                 -                   dot                          -
einsum              -                   einsum                       Einsum
endpoints           -                   -                            -
expand_dims         expand_dims         unsqueeze                    Unsqueeze
flatten             -                   flatten                      Flatten
flip                flip                flip                         -
greater             greater             gt                           Greater
greater_equal       greater_equal       ge                           GreaterOrEqual
logaddexp           logaddexp           logaddexp                    -
logical_xor         logical_xor         logical_xor                  Xor
max_pool            -                   max_pool{1,2,3}d             MaxPool
moveaxis            moveaxis            moveaxis                     Transpose
not_equal           not_equal           ne                           -
outer               linalg.outer        outer                        -
pad                 -                   pad                          Pad
positive            positive            positive                     Identity
prod                prod                prod                         ReduceProd
repeat              repeat              repeat_interleave            -
roll                roll                roll                         -
searchsorted        searchsorted        searchsorted                 -
sort                sort                sort                         -
split               -                   split                        Split
squeeze             squeeze             squeeze                      Squeeze
stage               -                   -                            -
std                 std                 std                          -
take                take                index_select                 Gather
take_along_axis     take_along_axis     gather                       GatherElements
tensordot           tensordot           tensordot                    -
tile                tile                tile                         Tile
top_k               -                   topk                         TopK
trace               linalg.trace        trace                        -
tril                tril                tril                         Trilu
triu                triu                triu                         Trilu
unstack             unstack             unbind                       -
upsample            -                   interpolate                  Resize
var                 var                 var                          -
vecdot              vecdot              linalg.vecdot                -
vector_norm         linalg.vector_norm  linalg.vector_norm           ReduceL1,ReduceL2
xlogy               -                   special.xlogy                -
contains            -                   -                            -
disjoint            -                   -                            -
hull                -                   -                            -
inf                 -                   -                            -
interior            -                   -                            -
intersection        -                   -                            -
intersects          -                   -                            -
precedes            -                   -                            -
strictly_precedes   -                   -                            -
subset              -                   -                            -
sup                 -                   -                            -
width               -                   -                            -
"""

ACTIVATIONS = """
Activation          -                   -                            -
celu                -                   celu                         Celu
glu                 -                   glu                          -
hardsigmoid         -                   hardsigmoid                  HardSigmoid
hardtanh            -                   hardtanh                     Clip
identity            -                   Identity                     Identity
logsigmoid          -                   logsigmoid                   -
prelu               -                   prelu                        PRelu
relu6               -                   relu6                        -
selu                -                   selu                         Selu
named               -                   -                            -
"""

LOSSES = """
bce                 -                   binary_cross_entropy         -
bce_with_logits     -                   binary_cross_entropy_with_logits -
cosine_embedding    -                   cosine_embedding_loss        -
cosine_similarity   -                   cosine_similarity            -
cross_entropy       -                   cross_entropy                SoftmaxCrossEntropyLoss
gaussian_nll        -                   gaussian_nll_loss            -
hinge               -                   -                            -
huber               -                   huber_loss                   -
kl_div              -                   kl_div                       -
log_cosh            -                   -                            -
mae                 -                   l1_loss                      -
mse                 -                   mse_loss                     -
mse_derivative      -                   -                            -
nll                 -                   nll_loss                     NegativeLogLikelihoodLoss
poisson_nll         -                   poisson_nll_loss             -
sigmoid_focal       -                   torchvision.ops.sigmoid_focal_loss -
smooth_l1           -                   smooth_l1_loss               -
soft_margin         -                   soft_margin_loss             -
triplet_margin      -                   triplet_margin_loss          -
"""

LATENTS = """
Codebook            -                   -                            -
diagonal_gaussian_kl_to_standard -      -                            -
exp                 exp                 exp                          Exp
half                -                   -                            -
quantize_at         -                   -                            -
reparameterize_diag -                   -                            -
"""

LAYERS = """
AdaptiveAvgPool     -                   AdaptiveAvgPool{1,2,3}d      -
AdaptiveMaxPool     -                   AdaptiveMaxPool{1,2,3}d      -
AvgPool             -                   AvgPool{1,2,3}d              AveragePool
BatchNorm           -                   BatchNorm{1,2,3}d            BatchNormalization
Bidirectional       -                   -                            -
Conv                -                   Conv{1,2,3}d                 Conv
ConvTranspose       -                   ConvTranspose{1,2,3}d        ConvTranspose
Dropout             -                   Dropout                      Dropout
Embedding           -                   Embedding                    Gather
Flatten             -                   Flatten                      Flatten
GLU                 -                   GLU                          -
GRU                 -                   GRU                          GRU
GroupNorm           -                   GroupNorm                    GroupNormalization
InstanceNorm        -                   InstanceNorm{1,2,3}d         InstanceNormalization
LSTM                -                   LSTM                         LSTM
LayerNorm           -                   LayerNorm                    LayerNormalization
Linear              -                   Linear                       Gemm
MaxPool             -                   MaxPool{1,2,3}d              MaxPool
MultiheadAttention  -                   MultiheadAttention           Attention
PReLU               -                   PReLU                        PRelu
RMSNorm             -                   RMSNorm                      RMSNormalization
RNN                 -                   RNN                          RNN
Residual            -                   -                            -
RotaryEncoding      -                   -                            RotaryEmbedding
Sequential          -                   Sequential                   -
SinusoidalEncoding  -                   -                            -
Stacked             -                   -                            -
Upsample            -                   Upsample                     Resize
causal_mask         -                   -                            -
identity            -                   Identity                     Identity
scaled_dot_product_attention -          scaled_dot_product_attention Attention
sinusoids           -                   -                            -
"""

Names = tuple[str, str, str]


def _read(text: str) -> dict[str, Names]:
    rows = (line.split() for line in text.strip().splitlines())
    return {name: (array_api, torch, onnx) for name, array_api, torch, onnx in rows}


COMPOSED = {
    "core": _read(FUNCTIONS),
    "activation": _read(ACTIVATIONS),
    "loss": _read(LOSSES),
    "latent": _read(LATENTS),
    "layers": _read(LAYERS),
}
"""By the room, and by the name of what is composed there."""


def names(room: str, name: str) -> Names:
    """What a function is called in the array API, in PyTorch and in ONNX. Raises UnknownName where no line says."""
    found = COMPOSED.get(room, {}).get(name)
    if found is not None:
        return found
    if name not in OPERATIONS:
        raise UnknownName(f"vocabulary: {room}.{name}: say what it is called elsewhere, in vocabulary/names.py")
    array_api, torch, onnx = OPERATIONS[name].names.split()
    return array_api, torch, onnx
