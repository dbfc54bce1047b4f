# Structural similarity and PSNR of small images by scikit-image (python3-skimage), for ssim.json:
#   python3 make_ssim.py > ssim.json
# The images are random bright spots and noise, nobody's data.
import json
import numpy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

random = numpy.random.default_rng(0)


def image(height, width, channels):
    y, x, c = numpy.mgrid[0:height, 0:width, 0:channels]
    spots = sum(
        numpy.exp(-((y - random.uniform(0, height)) ** 2 + (x - random.uniform(0, width)) ** 2) / (20 + 5 * c)) * random.uniform(80, 250)
        for _ in range(4)
    )
    return numpy.clip(spots, 0, 255).round().astype(numpy.uint8)


cases = []
for height, width, channels, noise in [(11, 11, 1, 20), (16, 23, 1, 8), (28, 28, 1, 60), (20, 24, 3, 12), (32, 32, 3, 0), (13, 40, 1, 255)]:
    a = image(height, width, channels)
    b = numpy.clip(a + random.normal(0, noise, a.shape), 0, 255).round().astype(numpy.uint8)
    similarity = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2
    )
    psnr = peak_signal_noise_ratio(a, b, data_range=255) if (a != b).any() else None
    planes = lambda pixels: pixels.transpose(2, 0, 1).ravel().tolist()
    cases.append(
        {"channels": channels, "height": height, "width": width, "a": planes(a), "b": planes(b), "ssim": float(similarity), "psnr": psnr and float(psnr)}
    )
print(json.dumps(cases))
