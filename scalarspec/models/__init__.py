"""The models of the library, a file each: pure functions on parameters that are frozen dataclasses.

    autoencoder         one hidden layer, with a backward pass by hand
    vae, vqvae, iwae    encoders to a Gaussian, to a code, and with several samples
    realnvp             a flow of couplings, with its inverse and its log-determinant
    ddpm, ddim          diffusion: its loss, its posterior, and steps back
    lsgan               the losses of two networks against one another
    mlp, cnn, resnet    classifiers of vectors and of images
    transformer, lstm   sequences: blocks of attention, and a memory

Parameters are NumPy arrays or tensors; `ss.lift(model, context)` carries them to a context. Each function is a spec,
and names its stages, which `crosscheck` and `derive` show. The parts of a network are any maps, such as `layers`.
"""
